"""Tools for agents: plain LangChain tools that know nothing of the rest of this package."""
