"""Routes and pages; who may ask; what is counted."""
