// From the files of an image set to a data set.

import Foundation

/// Assembles image sets from their files.
enum ImageFiles {
  /// - Parameters:
  ///   - files: training images, training labels, test images, test labels.
  ///   - published: whether other content than published is refused.
  static func idx(
    _ known: KnownDataset, _ files: [URL], classCount: Int, firstLabel: UInt8, transposed: Bool,
    published: Bool
  ) throws(DatasetError) -> Dataset {
    var parts: [Examples] = []
    var shapes: [ExampleShape] = []
    for (part, first) in [(Examples.Part.train, 0), (.test, 2)] {
      let figures: [PublishedFile?] = published ? known.files : known.files.map { _ in nil }
      let images = try IDX.images(file: files[first], published: figures[first])
      var labels = try IDX.labels(file: files[first + 1], published: figures[first + 1])
      guard images.count == labels.count else {
        throw DatasetError(
          .malformed, at: files[first].path,
          "has \(images.count) images for the \(labels.count) labels of the file beside it",
          fix: "use images and labels of the same release")
      }
      if let label = labels.first(where: { $0 < firstLabel }) {
        throw DatasetError(
          .malformed, at: files[first + 1].path, "has the label \(label)",
          fix: "use labels from \(firstLabel) on")
      }
      if firstLabel > 0 { labels = labels.map { $0 - firstLabel } }
      let bytes =
        transposed ? transpose(images.bytes, images.height, images.width) : images.bytes
      let (height, width) =
        transposed ? (images.width, images.height) : (images.height, images.width)
      parts.append(
        Examples(part: part, labels: labels.map(Examples.Label.init), values: .bytes(bytes)))
      shapes.append(.image(height: height, width: width, channels: 1))
    }
    guard shapes[0] == shapes[1] else {
      throw DatasetError(
        .malformed, at: files[2].path, "has images of another size than the training images",
        fix: "use files of the same release")
    }
    return try Dataset(
      name: known.name, shape: shapes[0], classCount: classCount, normalization: .mnist,
      train: parts[0], test: parts[1], classNames: known.classNames)
  }

  /// - Parameter files: the training files, then the test file.
  static func cifar10(
    _ known: KnownDataset, _ files: [URL]
  ) throws(DatasetError) -> Dataset {
    var labels: [Examples.Label] = []
    var bytes: [UInt8] = []
    for file in files.dropLast() {
      let batch = try CIFAR10.batch(file: file)
      labels += batch.labels.map(Examples.Label.init)
      bytes += batch.bytes
    }
    let test = try CIFAR10.batch(file: files[files.count - 1])
    return try Dataset(
      name: known.name,
      shape: .image(height: CIFAR10.side, width: CIFAR10.side, channels: CIFAR10.channels),
      classCount: CIFAR10.classCount, normalization: .cifar10,
      train: Examples(part: .train, labels: labels, values: .bytes(bytes)),
      test: Examples(
        part: .test, labels: test.labels.map(Examples.Label.init), values: .bytes(test.bytes)),
      classNames: known.classNames)
  }

  /// Rows become columns in each image.
  private static func transpose(_ bytes: [UInt8], _ height: Int, _ width: Int) -> [UInt8] {
    let size = height * width
    var turned = [UInt8](repeating: 0, count: bytes.count)
    for start in stride(from: 0, to: bytes.count, by: size) {
      for row in 0..<height {
        for column in 0..<width {
          turned[start + column * height + row] = bytes[start + row * width + column]
        }
      }
    }
    return turned
  }
}
