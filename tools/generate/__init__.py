"""Writers of generated source files; a test holds each file equal to what its generator writes."""
