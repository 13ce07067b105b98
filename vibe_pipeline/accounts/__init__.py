"""Who is connected: settings, sealed tokens, ledger, budget, messages, in one small database."""
