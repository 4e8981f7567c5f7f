"""What `ablate init` looks at, proposes and writes."""
