"""What is a model? The contract, the card, the catalog, and the record of a family."""
