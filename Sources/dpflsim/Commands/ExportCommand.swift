// `dpflsim export RUN`

import ArgumentParser
import Foundation
import Results
import Scenarios

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a run's tables as CSV or JSON Lines, or its adapters as PEFT folders.",
    discussion: """
      One file a table: rounds, client_rounds, cluster_rounds, assignments, privacy_events (the \
      ledger), client_partition, and for a finished run clients and clusters. docs/store.md describes the columns.

      --peft writes a folder for each model in use (adapter_config.json, adapter_model.safetensors with \
      epsilon and the other facts of privacy in its metadata) and the base model beside them, in the \
      layout of PyTorch. For a language model they refer to the folder of model.path, and the classifier \
      stands in a file of its own.
      """)

  @Argument(help: "The run, the beginning of its name, or latest.")
  var name: String

  @Option(help: ArgumentHelp("Write CSV into this folder.", valueName: "folder"))
  var csv: String?

  @Option(help: ArgumentHelp("Write JSON Lines into this folder.", valueName: "folder"))
  var jsonl: String?

  @Option(help: ArgumentHelp("Write PEFT folders into this folder.", valueName: "folder"))
  var peft: String?

  @OptionGroup var store: StoreOptions

  func validate() throws {
    guard csv != nil || jsonl != nil || peft != nil else {
      throw ValidationError("name a folder with --csv, --jsonl or --peft")
    }
    if [csv, jsonl, peft].contains("") {
      throw ValidationError("the name of the folder is empty; write . for this folder")
    }
  }

  func run() throws {
    let store = try store.openExisting()
    let run = try store.run(named: name)
    if let peft {
      let folder = URL(fileURLWithPath: peft, isDirectory: true)
      let files =
        try store.scenario(of: run).exportsLikeImages
        ? PEFTExport(of: run, in: store).write(to: folder)
        : TransformerExport(of: run, in: store).write(to: folder)
      for file in files {
        try Terminal.write(file.path + "\n")
      }
    }
    guard csv != nil || jsonl != nil else { return }
    let export = try RunExport(of: run, in: store)
    for (format, folder) in [(ExportFormat.csv, csv), (.jsonl, jsonl)] {
      guard let folder else { continue }
      for file in try export.write(format, to: URL(fileURLWithPath: folder, isDirectory: true)) {
        try Terminal.write(file.path + "\n")
      }
    }
  }
}

extension Scenario {
  /// Whether no pretrained model's layout decides how adapters are written.
  fileprivate var exportsLikeImages: Bool {
    modelPath == nil || !(adapter?.kind.hasFactors ?? true)
  }
}
