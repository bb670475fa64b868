// What `compare` and `sweep` write beside means over seeds.

public import Analysis
public import ArgumentParser

extension Spread: ExpressibleByArgument {}

struct SpreadOptions: ParsableArguments {
  @Option(
    help: """
      What stands beside means over seeds: Student's interval at 95 %, or the standard deviation (n - 1).
      """)
  var spread: Spread = .interval
}
