"""What a study found, as tables, figures and files: findings first, then words and ink."""
