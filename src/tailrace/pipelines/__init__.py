"""Pipelines: programs joined by topics, declared in one file.

tree          YAML with the place of everything in it
fields        typed fields of it, runs: what a program runs
yaml_form     the form with `programs`, flat_form: the older one
model         topics, programs, a pipeline, as values
sources       what Python modules say, without running them
graph         who follows whom
checks        what is wrong with the whole
mistakes      each with its line and its fix
loading       all of that, from a file
drawing_text, drawing_mermaid, drawing_svg, compose   the graph for people and for containers
supervision   starts, watches, restarts and stops the programs; in `workers`, one process each
lines         what a command of JSON lines says, in `executable` the worker that speaks with it
script        `tailrace.program`: a script's producer and consumer
"""
