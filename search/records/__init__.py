"""All that speaks MLflow."""
