"""PubMedQA: yes, no or maybe to a biomedical question, from its abstract or from the library."""
