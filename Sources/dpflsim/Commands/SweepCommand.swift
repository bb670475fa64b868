// `dpflsim sweep SCENARIO`

import Analysis
import ArgumentParser
import Federation
import Foundation
import Presentation
import Scenarios

struct SweepCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Run a grid of scenarios: budgets, methods, seeds and any other settings.",
    discussion: """
      Runs of one seed share data, initial model and batches, so they compare pair by pair. What is \
      already in the store is not run again: repeat the command to go on with an interrupted sweep, its \
      interrupted cells included. SIGINT ends the sweep after the running rounds. Cells that fail are listed; the exit status is 0 \
      unless all failed. Cells run side by side, one a core, as far as the memory that `check` \
      forecasts for them stays below the limit.

      Instead of a scenario a sweep file may be given: {"scenario": "skewed.json", "epsilon": [1, \
      null], "method": ["r-dpcfl"], "seeds": "0..4", "vary": {"adapter.r": [1, 4]}}. Options replace \
      its axes.

      At its end the sweep compares its runs: over the first setting that was varied, else by method.

      dpflsim sweep scenarios/skewed.json --epsilon 1,4,none --method r-dpcfl,ifca --seeds 0..2 --advise
      dpflsim sweep scenarios/sentiment.json --vary adapter.r=1,4,16
      """)

  @Argument(help: ArgumentHelp("A scenario file or a sweep file.", valueName: "scenario"))
  var file: String?

  @OptionGroup var slurm: SlurmOptions

  @OptionGroup var axes: GridOptions

  @OptionGroup var allowed: AllowOptions
  @OptionGroup var store: StoreOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "Work on so many cores (default: all). No result depends on it.")
  var workers: Int?

  @Option(
    help: "Run so many cells at the same time (default: one a core). No result depends on it.")
  var jobs: Int?

  @Option(
    help: ArgumentHelp(
      """
      Memory that cells at the same time may take together, such as 4GB (default: three quarters of the \
      machine).
      """, valueName: "size"))
  var memoryLimit: MemorySize?

  @Flag(help: "Say at the end which budget, method and settings to take, as `advise` does.")
  var advise = false

  @OptionGroup var spread: SpreadOptions

  @OptionGroup var progress: ProgressOptions

  func validate() throws {
    guard file != nil || slurm.task != nil else {
      throw ValidationError("name a scenario file or a sweep file")
    }
    if let workers, !(1...1024).contains(workers) {
      throw ValidationError("--workers must be from 1 to 1024, got \(workers)")
    }
    if let jobs, !(1...1024).contains(jobs) {
      throw ValidationError("--jobs must be from 1 to 1024, got \(jobs)")
    }
  }

  func run() async throws {
    try ProcessRanks.refuse("sweep")
    if let (plan, cell) = slurm.task {
      return try await SlurmTask(plan: plan, cell: cell, workers: workers).run()
    }
    guard let file else { throw Failure(.usage, "name a scenario file or a sweep file") }
    let grid = try axes.grid(of: file, allowed: allowed)
    if slurm.slurm {
      let sweep = SlurmSweep(
        grid: grid, store: store.file, options: slurm, workers: workers,
        storeOption: store.repeated)
      return try Terminal.write(sweep.submit().joined(separator: "\n") + "\n")
    }
    let store = try store.open()
    let workers = workers ?? Machine.cores
    let execution = SweepExecution(
      grid: grid, store: store, workers: workers, jobs: jobs ?? workers,
      memoryLimit: memoryLimit?.bytes ?? Machine.memory / 4 * 3,
      progress: self.progress.style(colors: output.colors(on: .error)))
    let (progress, signal) = try await execution.run()
    guard signal != nil || !progress.runIDs.isEmpty else {
      throw Failure(
        .invalidInput,
        (progress.failures.map { "failed: \($0)" } + ["no cell of the sweep has a result"])
          .joined(separator: "\n"))
    }
    let comparison = try store.comparison(of: progress.runIDs)
    let advice = advise ? try store.pricedAdvice(comparison) : []
    try output.write { colors in
      ["\(progress.headline)."] + progress.failures.map { "failed: \($0)" }
        + tables(comparison, colors: colors)
        + advice.flatMap { [""] + $0.lines(comparison, colors: colors) }
        + (progress.runIDs.isEmpty
          ? []
          : ["", "Compare them with: \(Places().command) compare\(self.store.repeated)"])
    } document: {
      var document: [String: JSONValue] = [
        "cells": progress.document, "total": .integer(grid.cells.count + grid.invalid.count),
        "failed": .integer(progress.failures.count),
      ]
      if advise { document["advice"] = .array(advice.map(\.document)) }
      return .object(document)
    }
    if let signal {
      throw Failure(signal, "the sweep was stopped; repeat the same command to go on with it")
    }
  }

  /// What the runs of the sweep say together: over each setting that was varied, else by method.
  private func tables(_ comparison: Comparison, colors: Bool) -> [String] {
    guard comparison.cells.count > 1 else { return [] }
    let axes = comparison.axes
    func lines(_ order: ComparisonOrder) -> [String] {
      [""] + comparison.lines(by: order, spread: spread.spread, colors: colors)
    }
    return axes.isEmpty ? lines(.method) : axes.flatMap { lines(.setting($0)) }
  }
}
