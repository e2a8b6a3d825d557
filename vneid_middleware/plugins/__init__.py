"""The built-in features. Each is a plugin with no privilege that a vendor's lacks, and none imports another."""
