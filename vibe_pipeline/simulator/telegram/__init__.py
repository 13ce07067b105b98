"""The simulated Telegram Bot API and its chat page. Shares no code with our bot."""
