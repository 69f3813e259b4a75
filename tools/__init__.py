"""Tools for agents: plain LangChain tools that do not depend on the rest of this package."""
