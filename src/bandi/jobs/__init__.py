"""Work done beside the service, on the whole log at once."""
