// `dpflsim export RUN`

import ArgumentParser
import Foundation
import Presentation
import Store

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract:
      "Write a run's tables, its models or adapters, or what experiment trackers read.",
    usage: "dpflsim export <name> [<options>]",
    discussion: """
      One file a table: rounds, client_rounds, cluster_rounds, assignments, privacy_events (the \
      ledger), client_partition, and for a finished run clients, clusters and groups. docs/store.md describes the columns.

      --peft writes a folder for each model in use (adapter_config.json, adapter_model.safetensors with \
      epsilon and the other facts of privacy in its metadata) and the base model beside them, in the \
      layout of PyTorch. For a language model they refer to the folder of model.path, and the classifier \
      stands in a file of its own. A README.md in each folder is its model card.

      --model writes whole models, of runs without an adapter: a safetensors file for each model in use, in the \
      layout of PyTorch and with the same metadata, its model card, and inputs.json, which says how a row becomes inputs.

      --tensorboard writes an event file into FOLDER/RUN, --mlflow an experiment of the scenario's name and \
      the run in it, in MLflow's file layout: scalars of every round, final metrics, the whole scenario.

      dpflsim export latest --csv tables
      dpflsim export latest --peft adapters
      dpflsim export latest --model models
      dpflsim export latest --mlflow mlruns && mlflow ui --backend-store-uri mlruns
      """)

  @Argument(help: "The run, the beginning of its name, or latest.")
  var name: String

  @Option(help: ArgumentHelp("Write CSV into this folder.", valueName: "folder"))
  var csv: String?

  @Option(help: ArgumentHelp("Write JSON Lines into this folder.", valueName: "folder"))
  var jsonl: String?

  @Option(help: ArgumentHelp("Write PEFT folders into this folder.", valueName: "folder"))
  var peft: String?

  @Option(help: ArgumentHelp("Write whole models into this folder.", valueName: "folder"))
  var model: String?

  @Flag(
    help: "Delete what the folder of --peft or --model holds of another run's models.")
  var replace = false

  @Option(
    help: ArgumentHelp("Write an event file for TensorBoard into this folder.", valueName: "folder")
  )
  var tensorboard: String?

  @Option(
    help: ArgumentHelp("Add the run to this folder of MLflow's files.", valueName: "folder"))
  var mlflow: String?

  @OptionGroup var store: StoreOptions

  private var folders: [String?] { [csv, jsonl, peft, model, tensorboard, mlflow] }

  func validate() throws {
    guard folders.contains(where: { $0 != nil }) else {
      throw ValidationError(
        "name a folder with --csv, --jsonl, --peft, --model, --tensorboard or --mlflow")
    }
    if folders.contains("") {
      throw ValidationError("the name of the folder is empty; write . for this folder")
    }
    if replace, peft == nil, model == nil {
      throw ValidationError(
        "--replace needs --peft or --model, the folder whose models are replaced")
    }
  }

  func run() throws {
    let store = try store.openExisting()
    let run = try store.run(named: name)
    if let peft {
      let folder = URL(fileURLWithPath: peft, isDirectory: true)
      try AdapterFolders.prepare(folder, for: run.runID, replacing: replace)
      for file in try AdapterFolders.write(run, in: store, to: folder) {
        try Terminal.write(file.path + "\n")
      }
    }
    if let model {
      let folder = URL(fileURLWithPath: model, isDirectory: true)
      let export = try ModelExport(of: run, in: store)
      try AdapterFolders.prepare(folder, for: run.runID, replacing: replace)
      for file in try export.write(to: folder) { try Terminal.write(file.path + "\n") }
    }
    if tensorboard != nil || mlflow != nil {
      let export = try TrackerExport(of: run, in: store)
      if let tensorboard {
        let file = try export.writeTensorBoard(
          to: URL(fileURLWithPath: tensorboard, isDirectory: true))
        try Terminal.write(file.path + "\n")
      }
      if let mlflow {
        let folder = try export.writeMLflow(to: URL(fileURLWithPath: mlflow, isDirectory: true))
        try Terminal.write(folder.path + "\n")
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
