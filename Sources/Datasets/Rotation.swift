// Where the pixels of a turned image come from, worked out once for all images of a shape.

import Foundation
import Kernels

/// A turned image as a rule for each of its values.
enum PixelMotion: Sendable, Equatable {
  /// Nothing moves.
  case still
  /// Each value is the one at the given place of the original.
  case moved([Int32])
  /// Each value is a weighted sum of four of the original: entries 4 i ..< 4 i + 4 belong to value i.
  case blended(places: [Int32], weights: [Float])

  /// - Parameters:
  ///   - degrees: counter-clockwise (row 0 is on top), in [0, 360).
  ///   - shape: of the original; the turned image has the same.
  /// - Throws: `invalidRequest` for tables, and for quarter turns of images that are not square.
  init(degrees: Double, shape: ExampleShape) throws(DatasetError) {
    guard degrees != 0 else {
      self = .still
      return
    }
    guard case .image(let height, let width, let channels) = shape else {
      throw DatasetError(
        .invalidRequest, at: "shift.rotation_degrees", "a table or a text has nothing to turn",
        fix: "leave the rotation out or use images")
    }
    if degrees == 180 {
      self = .moved(
        PixelMotion.places(height, width, channels) { row, column in
          (height - 1 - row, width - 1 - column)
        })
    } else if degrees == 90 || degrees == 270 {
      guard height == width else {
        throw DatasetError(
          .invalidRequest, at: "shift.rotation_degrees",
          "a quarter turn does not fit images of \(height) x \(width) pixels",
          fix: "use square images or 180 degrees")
      }
      self = .moved(
        PixelMotion.places(height, width, channels) { row, column in
          degrees == 90 ? (column, width - 1 - row) : (height - 1 - column, row)
        })
    } else {
      self = PixelMotion.blend(degrees, height, width, channels)
    }
  }

  private static func places(
    _ height: Int, _ width: Int, _ channels: Int, _ source: (Int, Int) -> (Int, Int)
  ) -> [Int32] {
    var places: [Int32] = []
    places.reserveCapacity(height * width * channels)
    for row in 0..<height {
      for column in 0..<width {
        let (fromRow, fromColumn) = source(row, column)
        for channel in 0..<channels {
          places.append(Int32((fromRow * width + fromColumn) * channels + channel))
        }
      }
    }
    return places
  }

  /// Turns about the centre of the image and interpolates between the four nearest pixel centres;
  /// pixels outside the image weigh nothing, as if they were 0.
  private static func blend(
    _ degrees: Double, _ height: Int, _ width: Int, _ channels: Int
  ) -> PixelMotion {
    let angle = degrees * .pi / 180
    let (cosine, sine) = (Elementary.cos(angle), Elementary.sin(angle))
    let (centerRow, centerColumn) = (Double(height - 1) / 2, Double(width - 1) / 2)
    var places: [Int32] = []
    var weights: [Float] = []
    for row in 0..<height {
      for column in 0..<width {
        // x to the right and y upwards; the source is the target turned back.
        let (x, y) = (Double(column) - centerColumn, centerRow - Double(row))
        let sourceColumn = centerColumn + x * cosine + y * sine
        let sourceRow = centerRow + x * sine - y * cosine
        let (top, left) = (sourceRow.rounded(.down), sourceColumn.rounded(.down))
        let (down, right) = (sourceRow - top, sourceColumn - left)
        let corners = [
          (Int(top), Int(left), (1 - down) * (1 - right)),
          (Int(top), Int(left) + 1, (1 - down) * right),
          (Int(top) + 1, Int(left), down * (1 - right)),
          (Int(top) + 1, Int(left) + 1, down * right),
        ]
        for channel in 0..<channels {
          for (cornerRow, cornerColumn, weight) in corners {
            let inside =
              (0..<height).contains(cornerRow) && (0..<width).contains(cornerColumn)
            let place = inside ? (cornerRow * width + cornerColumn) * channels + channel : 0
            places.append(Int32(place))
            weights.append(inside ? Float(weight) : 0)
          }
        }
      }
    }
    return .blended(places: places, weights: weights)
  }
}
