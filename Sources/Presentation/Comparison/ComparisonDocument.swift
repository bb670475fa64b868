// Comparisons for programs: one JSON document, or a CSV table with a line a figure.

public import Analysis
import Clustering
import Federation
import Formatting
public import Scenarios

extension Comparison {
  /// The whole comparison, whatever the order of the rows for people is.
  public var document: JSONValue {
    [
      "cells": .array(cells.map(document(of:))),
      "frontiers": .array(
        settings.map { settings in
          let frontier = frontier(settings: settings)
          return [
            "settings": .string(settings), "points": .array(frontier.map(document(of:))),
            "knee": Self.knee(of: frontier).map(document(of:)) ?? .null,
          ]
        }),
      "contrasts": .array(
        contrasts().map { contrast in
          [
            "metric": .string(worstOff.metric.name),
            "settings": .string(contrast.settings), "epsilon": .string(contrast.epsilon.label),
            "best": .string(contrast.best), "other": .string(contrast.other),
            "difference": contrast.comparison.difference.document,
            "p_value": JSONValue(contrast.comparison.pValue),
            "exact": .bool(contrast.comparison.isExact),
            "holm_p_value": JSONValue(contrast.adjustedPValue),
            "effect_size": contrast.comparison.effect.map { effect in
              [
                "g": .number(effect.value), "lower": .number(effect.lower),
                "upper": .number(effect.upper),
              ]
            } ?? .null,
          ]
        }),
      "unfinished": .array(unfinished.map { .string($0) }),
    ]
  }

  private func document(of cell: ComparisonCell) -> JSONValue {
    let price = priceOfPrivacy(cell)
    let mistakes = priceOfMistakes(cell)
    return [
      "settings": .string(cell.settings), "method": .string(cell.method),
      "epsilon": .string(cell.epsilon.label),
      "seeds": .array(cell.seeds.map { .integer(Int(clamping: $0)) }),
      "runs": .array(cell.runs.map { .string($0.runID) }),
      "metrics": .object(
        RunMetric.named.reduce(into: [:]) {
          $0[$1.name] = cell.estimate($1.metric, by: $1.weighting).document
        }),
      "allowed": .array(cell.allowedRules.map { .string($0) }),
      "majority_accuracy": JSONValue(cell.baseline?.share),
      "clustering": cell.clusteringDiagnostics?.document ?? .null,
      "found_groups": cell.foundGroups?.document ?? .null,
      "groups": .array(cell.groups.map { $0.document(in: cell) }),
      "clusters": .array(
        cell.clusters.enumerated().map { index, cluster in
          [
            "name": .string(cluster.name), "clients": .integer(cluster.clients),
            "minority": .bool(cluster.minority),
            "accuracy": cell.accuracy(ofCluster: index).document,
            "price_of_privacy": price?.cost.clusters[index].document ?? .null,
            "price_of_mistakes": mistakes?.clusters[index].document ?? .null,
          ]
        }),
      "price_of_privacy": price.map { price in
        [
          "client_mean": price.cost.clientMean.document,
          "minority_ratio": price.minorityRatio.document,
          "f_acc": price.accuracyUnfairness.document, "f_loss": price.lossUnfairness.document,
        ]
      } ?? .null,
      "price_of_mistakes": mistakes.map { ["client_mean": $0.clientMean.document] } ?? .null,
    ]
  }

  private func document(of point: FrontierPoint) -> JSONValue {
    [
      "method": .string(point.method), "epsilon": .string(point.epsilon.label),
      "metric": .string(worstOff.metric.name), "value": .number(point.worstOffAccuracy),
      "worst_cluster_accuracy": .number(point.worstClusterAccuracy), "n": .integer(point.seeds),
    ]
  }

  /// Settings, method, ε, metric, cluster (or group, for `group_` metrics), n, mean, lower, upper, standard deviation, and
  /// the findings without whose allowance there would be no such ε; a line a figure.
  public var csv: String {
    var table = CSVTable([
      "settings", "method", "epsilon", "metric", "cluster", "n", "mean", "lower", "upper",
      "standard_deviation", "allowed",
    ])
    for cell in cells {
      let allowed = AllowedText.field(cell.allowedRules)
      func add(_ metric: String, _ cluster: String, _ estimate: SeedEstimate?) {
        guard let estimate, estimate.count > 0 else { return }
        table.add([
          .string(cell.settings), .string(cell.method), .string(cell.epsilon.label),
          .string(metric), .string(cluster), .integer(estimate.count), JSONValue(estimate.mean),
          JSONValue(estimate.lower), JSONValue(estimate.upper),
          JSONValue(estimate.standardDeviation), allowed,
        ])
      }
      for (name, metric, weighting) in RunMetric.named {
        add(name, "", cell.estimate(metric, by: weighting))
      }
      let price = priceOfPrivacy(cell)
      let mistakes = priceOfMistakes(cell)
      add("price_of_privacy", "", price?.cost.clientMean)
      add("minority_price_ratio", "", price?.minorityRatio)
      add("f_acc", "", price?.accuracyUnfairness)
      add("f_loss", "", price?.lossUnfairness)
      add("price_of_mistakes", "", mistakes?.clientMean)
      for group in cell.groups {
        for figure in GroupFigure.all {
          add(
            "group_\(figure.name)", "\(group.attribute): \(group.name)",
            cell.estimate(figure, of: group))
        }
      }
      for (index, cluster) in cell.clusters.enumerated() {
        add("accuracy", cluster.name, cell.accuracy(ofCluster: index))
        add("price_of_privacy", cluster.name, price?.cost.clusters[index])
        add("price_of_mistakes", cluster.name, mistakes?.clusters[index])
      }
    }
    return table.text
  }
}

extension SeedEstimate {
  /// Count, mean, interval and standard deviation.
  var document: JSONValue {
    [
      "n": .integer(count), "mean": JSONValue(mean), "lower": JSONValue(lower),
      "upper": JSONValue(upper), "standard_deviation": JSONValue(standardDeviation),
    ]
  }
}
