"""A fake Stripe in a process of its own, and what people and banks do there."""
