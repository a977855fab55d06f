"""Titles to vectors by their words: tokens, bags, LSA, word vectors, brought sentence encoders."""
