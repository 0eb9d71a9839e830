"""Keeps the purses in Redis in step with the budgets in SQL."""
