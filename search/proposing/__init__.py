"""Who proposes trials, and what is known from earlier searches."""
