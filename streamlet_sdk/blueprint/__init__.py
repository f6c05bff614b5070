"""From streamlet classes and a blueprint to an application that is known to fit together.

In the order in which a document passes through:

    describe.describe_classes   what the classes declare, read in a sub-process → `Descriptor`
    document.parse              the blueprint as written → `Blueprint`
    verify.verify               both together → `VerifiedBlueprint`, or every problem
    configuration.configure     what a deployment sets on top → `Configuration`, or every problem
    resolution.resolve          what each streamlet's process is told → `StreamletConfig`
    graph, drawing, svg         pictures of it

Nothing here reads files, talks to Kafka or knows YAML: readers hand over mappings.
"""
