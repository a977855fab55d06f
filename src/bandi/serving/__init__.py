"""The HTTP service: two hot routes by hand, the rest by Starlette, one engine behind both."""
