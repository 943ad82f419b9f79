"""Every face of Brain Surgery: the terminal app and the `brainsurg` command."""
