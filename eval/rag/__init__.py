"""Questions with reference answers, put to the real agent and measured by RAGAS.

Rows in, answers kept one by one in a folder, figures with intervals out. RAGAS itself is known in
`eval/ragas_metrics.py` alone.
"""
