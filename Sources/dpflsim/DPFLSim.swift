// The command line: what there is to call. Commands are thin; the work is done in the rooms below.

import ArgumentParser
import Store

struct DPFLSim: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dpflsim",
    abstract: "Simulate differentially private clustered federated learning.",
    discussion: """
      A scenario file says how clients differ and what privacy budget each has. `run` simulates it, \
      stores every number, and shows how accurate the models are for whom, minorities above all.

      Exit status: 0 done, 64 wrong usage, 65 invalid scenario or data, 66 input missing, \
      69 something is not installed, 70 a fault of dpflsim, 73 cannot write, 74 cannot read, \
      75 stopped at a limit, 130 or 143 interrupted.

      dpflsim examples
      dpflsim run scenarios/tiny.json
      """,
    version: DPFLSimVersion.current,
    subcommands: [
      InitCommand.self, ExamplesCommand.self, RunCommand.self, CheckCommand.self, AuditCommand.self,
      RunsCommand.self,
      PrivacyCommand.self, DataCommand.self, SweepCommand.self, CompareCommand.self,
      AdviseCommand.self,
      ExportCommand.self, MergeCommand.self,
      ReportCommand.self, WatchCommand.self, LabCommand.self,
    ])
}
