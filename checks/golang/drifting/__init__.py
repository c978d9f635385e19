"""What a toolchain has that is not as it was when the reference was compared with it, release by release."""
