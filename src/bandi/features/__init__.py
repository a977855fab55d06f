"""What is known of titles and readers as vectors: texts, images, and factors of who read what."""
