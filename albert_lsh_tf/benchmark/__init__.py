"""LSH next to dense attention: quality, time and memory."""
