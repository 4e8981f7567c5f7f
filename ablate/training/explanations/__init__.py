"""Looking into a finished network: what its layers make of pictures, where it looks, what it finds alike."""
