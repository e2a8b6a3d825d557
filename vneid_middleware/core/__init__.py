"""The protocol core: pure rules over values, without Pyramid, WSGI objects, clocks, sockets or storage."""
