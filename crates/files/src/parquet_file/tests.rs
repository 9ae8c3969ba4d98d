use super::*;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// A file of one required column.
fn file<T: DataType>(schema: &str, values: &[T::T], properties: WriterProperties) -> Vec<u8> {
    let write = || -> Result<Vec<u8>> {
        let schema = Arc::new(parse_message_type(schema)?);
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
        let mut group = writer.next_row_group()?;
        let mut column = group.next_column()?.ok_or_else(|| damaged("the schema has no column"))?;
        column.typed::<T>().write_batch(values, None, None)?;
        column.close()?;
        group.close()?;
        writer.into_inner()
    };
    write().expect("a file of one column")
}

fn numbers(packing: Compression) -> Vec<u8> {
    let values: Vec<i64> = (0..1_000).map(|value| value % 7).collect();
    let properties = WriterProperties::builder().set_compression(packing).build();
    file::<Int64Type>("message m { required int64 a; }", &values, properties)
}

fn texts(encoding: Encoding) -> Vec<u8> {
    let values: Vec<ByteArray> = (0..1_000).map(|value| ByteArray::from(format!("text {value}").as_str())).collect();
    let properties = WriterProperties::builder().set_dictionary_enabled(false).set_encoding(encoding).build();
    file::<ByteArrayType>("message m { required binary a; }", &values, properties)
}

/// How many values come out, or why none do.
fn read(bytes: Vec<u8>) -> Result<usize> {
    let file = ParquetFile::open(Bytes::from(bytes))?;
    let rows = file.metadata().row_group(0).num_rows() as usize;
    match file.column(0, 0)? {
        ColumnReader::Int64ColumnReader(mut column) => {
            let mut values = Vec::new();
            Ok(column.read_records(rows, None, None, &mut values)?.0)
        }
        ColumnReader::ByteArrayColumnReader(mut column) => {
            let mut values = Vec::new();
            Ok(column.read_records(rows, None, None, &mut values)?.0)
        }
        _ => unreachable!("the files of these tests have no other columns"),
    }
}

fn why(bytes: Vec<u8>) -> String {
    read(bytes).expect_err("damaged").to_string()
}

/// The bytes of a number in Thrift: its sign is its lowest bit.
fn thrift_whole(value: i64) -> Vec<u8> {
    thrift_count(((value << 1) ^ (value >> 63)) as u64)
}

fn thrift_count(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// Puts other bytes in the place of those that stand after `before`, which must occur once in `range`.
fn replaced(bytes: &[u8], range: std::ops::Range<usize>, before: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let sought = [before, old].concat();
    let places: Vec<usize> = range.filter(|at| bytes[*at..].starts_with(&sought)).collect();
    assert_eq!(places.len(), 1, "{sought:?} at {places:?}");
    let at = places[0] + before.len();
    [&bytes[..at], new, &bytes[at + old.len()..]].concat()
}

/// A file whose footer is this struct, without anything before it.
fn footed(footer: &[u8]) -> Vec<u8> {
    [b"PAR1".as_slice(), footer, &(footer.len() as u32).to_le_bytes(), b"PAR1"].concat()
}

/// A schema's node: a name, and the children that it says it has.
fn node(children: Option<i64>) -> Vec<u8> {
    let mut bytes = vec![0x48, 1, b'a'];
    if let Some(children) = children {
        bytes.push(0x15);
        bytes.extend(thrift_whole(children));
    }
    bytes.push(0);
    bytes
}

/// A footer with these nodes in field 2, and nothing else.
fn schema(nodes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0x29, 0xfc];
    bytes.extend(thrift_count(nodes.len() as u64));
    bytes.extend(nodes.concat());
    bytes.push(0);
    footed(&bytes)
}

#[test]
fn whole_files_are_read_however_they_are_packed() {
    let packings = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(Default::default()),
    ];
    for packing in packings {
        assert_eq!(read(numbers(packing)).expect("a whole file"), 1_000, "{packing}");
    }
    for encoding in [Encoding::PLAIN, Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY] {
        assert_eq!(read(texts(encoding)).expect("a whole file"), 1_000, "{encoding}");
    }
}

/// What a page of equal bytes comes to must not be taken for a promise that cannot be kept.
#[test]
fn the_tightest_packing_of_equal_values_is_read() {
    let packings = [
        Compression::SNAPPY,
        Compression::GZIP(parquet::basic::GzipLevel::try_new(9).expect("a level")),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(parquet::basic::ZstdLevel::try_new(19).expect("a level")),
    ];
    for packing in packings {
        let properties = WriterProperties::builder()
            .set_compression(packing)
            .set_dictionary_enabled(false)
            .set_data_page_size_limit(16 << 20)
            .set_write_batch_size(1 << 20)
            .build();
        let bytes = file::<Int64Type>("message m { required int64 a; }", &vec![0; 1 << 20], properties);
        assert_eq!(read(bytes).expect("a whole file"), 1 << 20, "{packing}");
    }
}

#[test]
fn a_page_that_promises_more_than_its_bytes_unfold_to_is_damaged() {
    let whole = numbers(Compression::SNAPPY);
    // The dictionary's header comes first: its kind (2), then 7 numbers of 8 bytes, unpacked.
    let damaged = replaced(&whole, 0..16, &[0x15, 4, 0x15], &thrift_whole(56), &thrift_whole(i64::from(i32::MAX)));
    assert!(why(damaged).contains("promises more"));
}

#[test]
fn a_dictionary_that_counts_more_than_its_bytes_is_damaged() {
    let whole = numbers(Compression::UNCOMPRESSED);
    // In the dictionary's header, its field 1: 7 values, with the plain encoding.
    let damaged = replaced(&whole, 0..24, &[0x4c, 0x15], &[14], &thrift_whole(i64::from(i32::MAX)));
    // The page header grew by four bytes, so the chunk ends before its last page does; the dictionary is met first.
    assert!(why(damaged).contains("a dictionary counts more"));
}

#[test]
fn texts_that_count_more_lengths_than_values_are_damaged() {
    for encoding in [Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY] {
        let whole = texts(encoding);
        // The values begin with the size of a block (128), the miniblocks in one (4) and the count of lengths (1,000).
        let page = replaced(&whole, 0..64, &[0x80, 1, 4], &[0xe8, 7], &[0xe8, 0xff]);
        // 0xff goes on into the byte after it, so that the count is at least 16,360.
        assert!(why(page).contains("counts more lengths"), "{encoding}");
    }
}

#[test]
fn a_text_in_a_page_header_longer_than_its_column_is_damaged() {
    let whole = numbers(Compression::UNCOMPRESSED);
    let file = ParquetFile::open(Bytes::from(whole.clone())).expect("a whole file");
    let (start, _) = file.metadata().row_group(0).column(0).byte_range();
    // The header becomes a field 1 of text, 2^50 bytes long.
    let mut damaged = whole;
    let text = [vec![0x18], thrift_count(1 << 50)].concat();
    damaged[start as usize..start as usize + text.len()].copy_from_slice(&text);
    assert!(why(damaged).contains("a page header is cut short"));
}

#[test]
fn a_schema_that_is_no_tree_of_its_nodes_is_damaged() {
    let tree = "its schema is no tree";
    assert!(why(schema(&[node(Some(i64::from(i32::MAX))), node(None)])).contains(tree));
    assert!(why(schema(&[node(Some(-1)), node(None)])).contains(tree));
    // A chain of nodes, each with one child.
    let chain = |length: usize| {
        let mut nodes = vec![node(Some(1)); length];
        nodes.push(node(None));
        schema(&nodes)
    };
    assert!(why(chain(100_000)).contains(tree));
    assert!(!why(chain(10)).contains(tree), "a chain of ten is a tree, though not of a table");
}

#[test]
fn a_footer_that_counts_what_it_does_not_hold_is_damaged() {
    let said = "cut short or counts more";
    // Field 4, the row groups: a list of 2^31 - 1 structs, and no byte of them.
    let groups = [vec![0x49, 0xfc], thrift_count(i32::MAX as u64)].concat();
    assert!(why(footed(&groups)).contains(said));
    // Lists inside lists, one in another.
    assert!(why(footed(&[vec![0x29], vec![0x19; 10_000]].concat())).contains(said));
    assert!(why(b"PAR1".to_vec()).contains("too short"));
    assert!(why(vec![0; 100]).contains("PAR1"));
    let long = [b"PAR1".as_slice(), &u32::MAX.to_le_bytes(), b"PAR1"].concat();
    assert!(why(long).contains("longer than the file"));
}

/// A known field of another kind would be read on from another byte than where it was walked to.
#[test]
fn a_known_field_of_another_kind_is_damaged() {
    let said = "cut short or counts more";
    // Field 4, the row groups, says that it is a text of no bytes; the two bytes after it would be their count.
    assert!(why(footed(&[0x48, 0, 0])).contains(said));
    // Field 3 of a schema's node says that it is a double.
    let node = [vec![0x37], vec![0; 8], vec![0]].concat();
    assert!(why(schema(&[node])).contains(said));
    // Field 5 of a page header, a struct, says that it is a list.
    let whole = numbers(Compression::UNCOMPRESSED);
    let file = ParquetFile::open(Bytes::from(whole.clone())).expect("a whole file");
    let start = file.metadata().row_group(0).column(0).byte_range().0 as usize;
    let mut damaged = whole;
    damaged[start..start + 3].copy_from_slice(&[0x59, 0, 0]);
    assert!(why(damaged).contains("a page header is cut short"));
}

/// Found by fuzzing: the parquet crate goes through lists of a page header that end beyond the file, without an end.
#[test]
fn lists_without_an_end_are_met_before_the_crate_meets_them() {
    let bytes = include_bytes!("../../../../fuzz/seeds/table/a-page-header-of-other-kinds");
    assert!(read(bytes.to_vec()).is_err());
}
