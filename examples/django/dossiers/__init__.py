"""Public services and the dossiers that citizens submit for them."""
