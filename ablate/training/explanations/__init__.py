"""Looking into a finished network: what its layers make of images, where it looks, what it finds alike."""
