"""`make publish`: puts a version where people without a checkout can launch it, in any region."""
