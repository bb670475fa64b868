// `dpflsim merge`

import Analysis
import ArgumentParser
import Datasets
import Formatting
import Foundation
import Learning
import Presentation
import Scenarios
import Store
import Tensors

struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Merge LoRA adapters of runs or PEFT folders into one PEFT folder.",
    usage: "dpflsim merge <run-or-folder> ... --into <folder> [<options>]",
    discussion: """
      A run stands for the models that its clients use, a folder for one adapter. Merging is post-processing: what the \
      merged module guarantees follows from the parts and is printed and written into its metadata: the epsilons of \
      runs add up, since a record may be in the data of several; runs with one seed had the same noise, and have \
      none together. Choosing among \
      merges by accuracy on private data would be a release of its own. Where the runs' test data can be loaded, \
      the test accuracy of each part and of the whole follows. docs/adapters.md explains the rules.

      dpflsim merge latest --rule ties-peft --density 0.2 --into merged
      """)

  enum Rule: String, ExpressibleByArgument, CaseIterable {
    case uniform
    case taskArithmetic = "task-arithmetic"
    case tiesPEFT = "ties-peft"
    case tiesMTTL = "ties-mttl"
    case sparseOverlap = "sparse-overlap"
    case dare
  }

  @Argument(
    help: ArgumentHelp("Runs, or folders with an adapter_config.json.", valueName: "run-or-folder"))
  var parts: [String]

  @Option(help: ArgumentHelp("Where the merged adapter goes.", valueName: "folder"))
  var into: String

  @Option(
    help: ArgumentHelp(
      "uniform, task-arithmetic, ties-peft (trimmed by tensor), ties-mttl (over the whole adapter), "
        + "sparse-overlap or dare.", valueName: "rule"))
  var rule = Rule.uniform

  @Option(
    help: ArgumentHelp(
      "Merge the products B A, or the factors by themselves (another matrix): product or factors.",
      valueName: "space"))
  var space = Space.product

  enum Space: String, ExpressibleByArgument, CaseIterable {
    case product
    case factors
  }

  @Option(help: ArgumentHelp("Factor of the sum under task-arithmetic.", valueName: "number"))
  var scale = 0.3

  @Option(help: ArgumentHelp("Share of entries that ties and dare keep.", valueName: "number"))
  var density = 0.2

  @Option(
    help: ArgumentHelp(
      "Rank of the written factors (default: the sum of the parts' ranks).", valueName: "n"))
  var rank: Int?

  @Flag(help: "Write over an adapter that the folder holds.")
  var replace = false

  @Flag(
    help: "State that no record, or person, is in the data of two runs: the largest epsilon counts."
  )
  var disjoint = false

  @Option(help: ArgumentHelp("Of the places that dare drops.", valueName: "n"))
  var seed: UInt64 = 0

  @OptionGroup var store: StoreOptions

  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard density > 0, density <= 1 else {
      throw ValidationError("--density must be above 0 and at most 1")
    }
    guard scale.isFinite else { throw ValidationError("--scale must be a finite number") }
    if let rank, rank < 1 { throw ValidationError("--rank must be at least 1") }
    if rank != nil, space == .factors {
      throw ValidationError(
        "--rank cuts products; leave it out with --space factors, which keeps the parts' rank")
    }
    if into.isEmpty {
      throw ValidationError("the name of the folder is empty; write . for this folder")
    }
  }

  private var merging: TaskMerging {
    switch rule {
    case .uniform: .uniform
    case .taskArithmetic: .taskArithmetic(scale: scale)
    case .tiesPEFT: .ties(density: density, trim: .tensor)
    case .tiesMTTL: .ties(density: density, trim: .expert)
    case .sparseOverlap: .sparseOverlap
    case .dare: .dare(density: density, seed: seed)
    }
  }

  func run() throws {
    let temporary = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString)", isDirectory: true)
    defer { try? FileManager.default.removeItem(at: temporary) }
    let known = try? store.openExisting()
    var folders: [AdapterFolder] = []
    for (index, part) in parts.enumerated() {
      let folder = URL(fileURLWithPath: part, isDirectory: true)
      if FileManager.default.fileExists(atPath: folder.path) {
        folders.append(try AdapterFolder(folder, name: part))
        continue
      }
      let store = try store.openExisting()
      let target = temporary.appendingPathComponent("\(index)", isDirectory: true)
      let files = try AdapterFolders.write(store.run(named: part), in: store, to: target)
      for file in files where file.lastPathComponent == "adapter_config.json" {
        let model = file.deletingLastPathComponent()
        folders.append(try AdapterFolder(model, name: "\(part) \(model.lastPathComponent)"))
      }
    }
    let merged = try MergedAdapter(
      folders, rule: merging, space: space == .product ? .product : .factors, rank: rank,
      areDisjoint: disjoint, epsilon: { try? known?.run(named: $0).epsilonMax },
      data: { try? known?.run(named: $0).dataHash })
    let target = URL(fileURLWithPath: into, isDirectory: true)
    let files = try merged.write(to: target, replacing: replace)
    let (accuracy, reason) = try accuracies(of: folders, merged: target, in: known)
    try output.write { colors in
      files.map(\.path) + summary(of: folders.count, merged)
        + (accuracy.map { [""] + $0.lines(colors: colors) } ?? ["No accuracies: \(reason)."])
    } document: {
      [
        "files": .array(files.map { .string($0.path) }), "parts": .integer(folders.count),
        "layers": .integer(merged.layers), "rule": .string(rule.rawValue),
        "largest_error": .number(merged.largestError),
        "epsilon": merged.privacy.epsilon.map { .number($0) } ?? .null,
        "delta": .number(merged.privacy.delta), "privacy": .string(merged.privacy.reason),
        "allowed": .array(merged.privacy.allowed.sorted().map { .string($0) }),
        "protects": merged.privacy.protects.map { .string($0) } ?? .null,
        "accuracies": accuracy?.document ?? .null,
        "accuracies_missing": accuracy == nil ? .string(reason) : .null,
      ]
    }
  }

  private func summary(of parts: Int, _ merged: MergedAdapter) -> [String] {
    let guarantee =
      merged.privacy.epsilon.map {
        "epsilon \(NumberText.epsilon($0)), delta \(merged.privacy.delta)"
          + (merged.privacy.protects.map { " (\($0))" } ?? "")
      }
      ?? "no epsilon"
    return [
      "\(parts) adapters of \(merged.layers) layers merged by \(rule.rawValue); the written rank misses "
        + "\(String(format: "%.1e", merged.largestError)) of the change at most.",
      "Merged module: \(guarantee): \(merged.privacy.reason).",
    ]
      + (merged.privacy.allowed.isEmpty
        ? []
        : [
          "Allowed in its parts, critical all the same: "
            + merged.privacy.allowed.sorted().joined(separator: ", ") + "."
        ])
  }

  /// The test accuracies, or why there are none.
  private func accuracies(
    of folders: [AdapterFolder], merged: URL, in store: RunStore?
  ) throws -> (MergedAccuracy?, reason: String) {
    guard let store else { return (nil, "there is no store of runs") }
    do {
      let accuracy = try MergedAccuracy(
        folders, names: folders.map(\.name), merged: try AdapterFolder(merged), store: store,
        catalog: Places().catalog)
      return (accuracy, "")
    } catch let error
      where error is MergeError || error is DatasetError || error is ModelFolderError
      || error is ArchitectureError
    {
      let text = "\(error)"
      return (nil, text.hasSuffix(".") ? String(text.dropLast()) : text)
    }
  }
}
