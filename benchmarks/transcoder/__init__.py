"""Whether a transcoder of a published shape can be worked with in a model of the real size."""
