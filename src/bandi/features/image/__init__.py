"""Vectors of titles from their thumbnails: style without a model, and style and objects by a model that the user brings."""
