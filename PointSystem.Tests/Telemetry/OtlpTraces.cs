using System.Globalization;
using Google.Protobuf;

namespace PointSystem.Tests.Telemetry;

/// <summary>A span as a collector receives it.</summary>
internal sealed record Span(string TraceId, string SpanId, string ParentId, string Name, SpanKind Kind, IReadOnlyList<(string TraceId, string SpanId)> Links)
{
    public required IReadOnlyDictionary<string, string> Resource { get; init; }

    public required IReadOnlyDictionary<string, string> Attributes { get; init; }

    public string Service => Resource["service.name"];

    public override string ToString() => $"{Service} {Kind} '{Name}' {SpanId} under {(ParentId.Length == 0 ? "nothing" : ParentId)}";
}

/// <summary>The numbers are those of OTLP.</summary>
internal enum SpanKind
{
    None,
    Internal,
    Server,
    Client,
}

/// <summary>
/// Reads those parts of an ExportTraceServiceRequest that the tests need. The field numbers are those of opentelemetry-proto v1, which never
/// change; no package with the generated types is published for .NET.
/// </summary>
internal static class OtlpTraces
{
    public static IReadOnlyList<Span> Read(byte[] request) => [.. Messages(request, 1).SelectMany(ReadResourceSpans)];

    private static IEnumerable<Span> ReadResourceSpans(byte[] message)
    {
        var resource = Messages(message, 1).Select(found => Attributes(found, 1)).FirstOrDefault() ?? [];
        return Messages(message, 2).SelectMany(scope => Messages(scope, 2)).Select(span => ReadSpan(span, resource));
    }

    private static Span ReadSpan(byte[] message, Dictionary<string, string> resource)
    {
        var fields = Fields(message);
        return new Span(
            Hex(fields, 1), Hex(fields, 2), Hex(fields, 4), Text(fields, 5), (SpanKind)Number(fields, 6), [.. Messages(message, 13).Select(ReadLink)])
        {
            Resource = resource,
            Attributes = Attributes(message, 9),
        };
    }

    private static (string TraceId, string SpanId) ReadLink(byte[] message)
    {
        var fields = Fields(message);
        return (Hex(fields, 1), Hex(fields, 2));
    }

    private static Dictionary<string, string> Attributes(byte[] message, int field) => Messages(message, field)
        .Select(Fields)
        .ToDictionary(pair => Text(pair, 1), pair => Messages(pair, 2).Select(AnyValue).FirstOrDefault() ?? "");

    private static string AnyValue(byte[] message) => Fields(message) switch
    {
        [(1, byte[] text), ..] => System.Text.Encoding.UTF8.GetString(text),
        [(_, ulong number), ..] => number.ToString(CultureInfo.InvariantCulture),
        _ => "",
    };

    private static IEnumerable<byte[]> Messages(byte[] message, int field) => Messages(Fields(message), field);

    private static IEnumerable<byte[]> Messages(List<(int Field, object Value)> fields, int field) =>
        fields.Where(found => found.Field == field).Select(found => (byte[])found.Value);

    private static string Text(List<(int Field, object Value)> fields, int field) =>
        Messages(fields, field).Select(System.Text.Encoding.UTF8.GetString).FirstOrDefault() ?? "";

    private static string Hex(List<(int Field, object Value)> fields, int field) =>
        Messages(fields, field).Select(Convert.ToHexStringLower).FirstOrDefault() ?? "";

    private static int Number(List<(int Field, object Value)> fields, int field) => (int)(ulong)(fields.Find(found => found.Field == field).Value ?? 0ul);

    /// <summary>All fields of a message: numbers as <see cref="ulong"/>, everything else as bytes.</summary>
    private static List<(int Field, object Value)> Fields(byte[] message)
    {
        var fields = new List<(int Field, object Value)>();
        var input = new CodedInputStream(message);
        for (var tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            var field = WireFormat.GetTagFieldNumber(tag);
            fields.Add((field, WireFormat.GetTagWireType(tag) switch
            {
                WireFormat.WireType.Varint => input.ReadUInt64(),
                WireFormat.WireType.Fixed64 => input.ReadFixed64(),
                WireFormat.WireType.Fixed32 => (ulong)input.ReadFixed32(),
                _ => input.ReadBytes().ToByteArray(),
            }));
        }
        return fields;
    }
}
