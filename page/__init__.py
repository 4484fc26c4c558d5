"""The pieces of the chat page: they draw values and pass on what the user does."""
