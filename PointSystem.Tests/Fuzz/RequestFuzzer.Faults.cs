using System.Globalization;
using System.Text;

namespace PointSystem.Tests.Fuzz;

internal sealed partial class RequestFuzzer
{
    private static readonly string[] Numbers =
    [
        "0", "-1", "1", "2147483647", "2147483648", "-2147483649", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
        "1e308", "1e400", "1.5", "1.0", "-0", "1E2", "00", "+1", "0x10", "NaN", "Infinity", "1_000", "99999999999999999999999999999999999999999",
    ];

    private static readonly string[] Texts =
    [
        "", " ", "null", "..", ".", "/", "%", "%00", "\u0001", "\u202e", "\u200b", "\u00e9", "e\u0301", "日本語", "😀", "a b",
        "'; DROP TABLE point_ledger_entries; --", "\\",
        "%s%n", "${jndi:ldap://x/a}", "<script>", "acc_", "use_AQ", "acc_AAAAAAAAAAAAAAAAAAAAAAA", "9999-12-31", "0000-00-00", "2026-02-30",
        "2026-01-01T00:00:00",
        "AAAAAAAAAAAAAAAA", "////", "A1\t", "\"", "[]", "{}", new string('A', 101), new string('é', 100), new string('k', 3_000),
    ];

    // As they stand in JSON: also what is none.
    private static readonly string[] Values =
    [
        .. Numbers, "null", "true", "[]", "{}", "[1]", "{\"a\":1}", "\"1\"", "\"\"", "\" \"", "\"\\ud800\"", "\"\\udc00A\"", "\"\\u0000\"", "\"\\u202e\"",
        "\"\\x\"", "\"e\\u0301\"",
        "\"A\tB\"", "'A1'", "", "undefined", "\"" + new string('A', 100) + "\"", "\"" + new string('A', 101) + "\"", "\"" + new string('A', 10_000) + "\"",
        "\"" + new string('é', 201) + "\"", "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]", "\"\u200b\"", "\"😀\"",
    ];

    private static readonly (string Name, string Value)[] OddHeaders =
    [
        ("Accept", "text/html"), ("Accept", "*/*;q=0"), ("Accept", "text/event-stream"), ("Accept", ",,;;"), ("Accept", "application/xml"), ("Accept", ""),
        ("Accept-Encoding", "br;q=1.0, gzip"), ("Accept-Charset", "utf-16"), ("Accept-Language", "tlh"),
        ("Idempotency-Key", ""), ("Idempotency-Key", "a b"), ("Idempotency-Key", "\u00e9\u00e9"), ("Idempotency-Key", "a\tb"),
        ("Idempotency-Key", new string('k', 201)),
        ("Idempotency-Key", new string('k', 5_000)), ("Idempotency-Key", "\u0080"), ("Last-Event-ID", "x"), ("Last-Event-ID", ""),
        ("traceparent", "00-00000000000000000000000000000000-0000000000000000-00"), ("traceparent", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("traceparent", "x"), ("traceparent", ""),
        ("tracestate", new string('a', 2_000)),
        ("baggage", "a=b,c"), ("Request-Id", "|x."), ("X-Member-Id", "-1"), ("X-Member-Id", "abc"), ("X-Forwarded-For", "8.8.8.8"),
        ("X-Forwarded-Host", "evil.test"),
        ("X-Forwarded-Proto", "gopher"), ("Forwarded", "for=\"_x\""), ("X-HTTP-Method-Override", "DELETE"), ("X-Original-URL", "/api/admin/locks"),
        ("Range", "bytes=0-0"),
        ("If-None-Match", "*"), ("If-Match", "\"x\""), ("If-Modified-Since", "yesterday"), ("Content-Encoding", "gzip"), ("Content-Language", "x"),
        ("Cookie", "a=b; c"),
        ("Origin", "null"), ("Referer", "::"), ("Max-Forwards", "0"), ("Via", "1.1 x"), ("TE", "trailers"), ("Trailer", "X"), ("Pragma", "no-cache"),
        ("Warning", "199"),
        ("Date", "never"), ("From", "@"), ("User-Agent", "\u00ff\u00fe"), ("X-Long", new string('x', 10_000)), ("X-Replica", "api-9"),
        ("WarmUp", new string('A', 64)),
        ("Upgrade", "websocket"), ("Upgrade", "h2c"), ("Connection", "keep-alive"), ("Keep-Alive", "timeout=1"), ("Proxy-Authorization", "Basic x"),
        ("Expect", "100-continue"),
    ];

    private static readonly string[] OddTokens =
    [
        "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "bearer", "Basic YTpi", "Token abc", "Negotiate", "\u00e9", ",", "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Bearer " + new string('a', 9_000), "Bearer eyJhbGciOiJIUzI1NiIsImtpZCI6InhcdTAwMDAifQ.e30.AAAA", "Bearer \ta",
    ];

    private static readonly Action<Draft>[] Faults =
    [
        // Fields first and repeated: they are what reaches the furthest.
        OddField, OddField, OddField, OddField, MissingField, DoubledField, UnknownField, OddSegment, OddSegment, OddQuery, OddQuery, DoubledQuery,
        UnknownQuery, BrokenQuery,
        OddHeader, OddHeader, OddHeader, OddToken, DoubledHeader, OddContentType, OddBytes, OddBytes, OddBytes, OtherBody, OtherMethod, OtherAddress,
        ChunkedBody, OddFraming,
        OddHead, OddTarget,
    ];

    private static T Pick<T>(Draft draft, IReadOnlyList<T> choices) => choices[draft.Random.Next(choices.Count)];

    private static bool IsMember(string name) => name.EndsWith("emberId", StringComparison.Ordinal);

    private static void OddField(Draft draft)
    {
        if (draft.Fields.Count == 0)
        {
            OddSegment(draft);
            return;
        }

        var at = draft.Random.Next(draft.Fields.Count);
        var name = draft.Fields[at].Name;
        draft.Fields[at] = (name, Pick(draft, Values));
        draft.SharesState |= IsMember(name);
    }

    private static void MissingField(Draft draft)
    {
        if (draft.Fields.Count > 0)
        {
            draft.Fields.RemoveAt(draft.Random.Next(draft.Fields.Count));
        }
    }

    private static void DoubledField(Draft draft)
    {
        if (draft.Fields.Count > 0)
        {
            draft.Fields.Insert(draft.Random.Next(draft.Fields.Count + 1), Pick(draft, draft.Fields));
        }
    }

    private static void UnknownField(Draft draft)
    {
        draft.HasBody = true;
        string[] names = ["ammount", "", "Amount", "\\u0000", "\\ud800", "memberID", new string('f', 300), "__proto__", "$ref"];
        draft.Fields.Add((Pick(draft, names), Pick(draft, Values)));
    }

    private static void OddSegment(Draft draft)
    {
        var segments = draft.Path.Split('/');
        // Mostly a parameter, not a name.
        var at = Array.FindIndex(draft.Operation.Path.Split('/'), segment => segment.StartsWith('{'));
        at = at < 0 || at >= segments.Length || draft.Random.Next(5) == 0 ? draft.Random.Next(segments.Length) : at;
        segments[at] = Uri.EscapeDataString(Pick(draft, draft.Random.Next(2) == 0 ? Numbers : Texts));
        draft.Path = string.Join('/', segments);
        if (draft.Path is not ['/', ..])
        {
            draft.Path = "/" + draft.Path;
        }

        draft.SharesState = draft.IsElsewhere = true;
    }

    private static void OddQuery(Draft draft)
    {
        var name = Pick(draft, [.. draft.Operation.Parameters.Where(parameter => parameter.In == "query").Select(parameter => parameter.Name), "size"]);
        draft.Query.RemoveAll(one => one.StartsWith(name + "=", StringComparison.Ordinal));
        draft.Query.Add($"{name}={Uri.EscapeDataString(Pick(draft, draft.Random.Next(2) == 0 ? Numbers : Texts))}");
    }

    private static void DoubledQuery(Draft draft)
    {
        OddQuery(draft);
        draft.Query.Add(draft.Query[^1]);
    }

    private static void UnknownQuery(Draft draft) => draft.Query.Add($"{Pick(draft, ["sise", "amount", "", "Size", "%00", "a[]", new string('q', 500)])}=1");

    private static void BrokenQuery(Draft draft) => draft.Query.Add(
        Pick(draft,
        [
            "&&&", "=", "size", "?", "%", "%zz=%zz", "size=%C3%28", "a=b;c=d", "+=+",
            string.Join('&', Enumerable.Range(0, 300).Select(number => $"p{number}=1")),
        ]));

    private static void OddHeader(Draft draft)
    {
        var (name, value) = Pick(draft, OddHeaders);
        draft.Headers.RemoveAll(header => header.Name == name);
        draft.Headers.Add((name, value));
        if (name == "Upgrade")
        {
            draft.Headers.Add(("Connection", "Upgrade"));
        }
    }

    private static void OddToken(Draft draft)
    {
        draft.Headers.RemoveAll(header => header.Name == "Authorization");
        if (draft.Random.Next(4) > 0)
        {
            draft.Headers.Add(("Authorization", Pick(draft, [.. OddTokens, "Bearer " + draft.World.Token[..^2], "bearer " + draft.World.Token])));
        }
    }

    private static void DoubledHeader(Draft draft)
    {
        if (draft.Headers.Count == 0)
        {
            return;
        }

        var header = Pick(draft, draft.Headers);
        draft.Headers.Add(header);
        // A request has exactly one of these.
        draft.MayBeRefusedUnread |= header.Name == "Host";
    }

    private static void OddContentType(Draft draft)
    {
        draft.HasBody = true;
        draft.ContentType = Pick<string?>(draft,
        [
            null, "", "text/plain", "application/json; charset=utf-8", "application/json; charset=\"UTF-8\"", "application/json; charset=utf-16",
            "application/json; charset=x", "json",
            "application/problem+json", "application/vnd.points+json", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded",
            "application/json, text/plain",
            "application/json;;;", "*/*", "APPLICATION/JSON", "application/json; charset=utf-8; charset=utf-16", "\u00e9", new string('a', 3_000),
        ]);
    }

    private static void OddBytes(Draft draft)
    {
        draft.HasBody = true;
        var place = draft.Random.NextDouble();
        var kind = draft.Random.Next(12);
        draft.Rewrites.Add(body =>
        {
            var at = (int)(place * body.Length);
            return kind switch
            {
                0 => body[..at],
                1 => [.. body, .. "}"u8],
                2 => [.. body, .. "{}"u8],
                3 => [0xEF, 0xBB, 0xBF, .. body],
                4 => [0xFF, 0xFE, .. Encoding.Unicode.GetBytes(Encoding.UTF8.GetString(body))],
                5 => Encoding.BigEndianUnicode.GetBytes(Encoding.UTF8.GetString(body)),
                6 => [.. body[..at], 0xC3, 0x28, .. body[at..]],
                7 => [.. body[..at], 0, .. body[at..]],
                8 => [.. body.AsSpan(0, Math.Max(0, body.Length - 1)), .. ",}"u8],
                9 => [.. "["u8, .. body, .. "]"u8],
                10 => [.. "/* */ "u8, .. body],
                _ => [.. body, .. Encoding.UTF8.GetBytes(new string(' ', 1_000))],
            };
        });
    }

    private static void OtherBody(Draft draft)
    {
        draft.HasBody = true;
        draft.Body = Encoding.UTF8.GetBytes(Pick(draft,
        [
            "", " ", "null", "[]", "[{}]", "7", "\"text\"", "{", "{}", "{{}}", "\u0000", "true", new string('[', 10_000), "{\"a\":" + new string('[', 15_000),
            "{\"a\":" + new string('[', 20) + new string(']', 20) + "}", $"{{\"memberId\":{draft.World.Member}}}",
            "\"" + new string('x', (64 * 1024) - 2) + "\"",
            "{\"x\":\"" + new string('x', 64 * 1024) + "\"}", new string(' ', 200_000),
        ]));
    }

    private static void OtherMethod(Draft draft)
    {
        draft.Method = Pick(draft,
        [
            "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS",
            "TRACE", "QUERY", "PROPFIND", "get", "Post", "X", "FOO-BAR", "CONNECT", "", "G(T", "GÉT",
        ]);
        draft.IsElsewhere = true;
        // The target of a CONNECT is no path, and the last ones are no methods.
        draft.MayBeRefusedUnread |= draft.Method is "CONNECT" or "" or "G(T" or "GÉT";
    }

    private static void OtherAddress(Draft draft)
    {
        draft.Path = Pick<Func<string, string>>(draft,
        [
            path => path + "/", path => "/" + path, path => path.Replace("/", "//", StringComparison.Ordinal), path => path.ToUpperInvariant(),
            path => path + ";a=b",
            path => path.Replace("/api", "/api/.", StringComparison.Ordinal), path => "/x/.." + path, path => path + "/..", path => path + "/%2e%2e",
            path => path + "%2F",
            path => path.Replace("api", "%61pi", StringComparison.Ordinal), path => path + "%00", path => path + "/cancel", _ => "/", _ => "/api",
            _ => "/nowhere", _ => "/asyncapi.json",
            _ => "/openapi/v2.json", _ => "/favicon.ico", _ => "/api/points/" + new string('a', 2_000), path => path[..^Math.Min(1, path.Length)],
            _ => "/.env", _ => "/..%5c..%5cetc", path => path + "\\",
        ])(draft.Path);
        draft.SharesState = draft.IsElsewhere = true;
        draft.MayBeRefusedUnread |= draft.Path.Contains("%00", StringComparison.Ordinal);
    }

    private static void ChunkedBody(Draft draft) => draft.Framing = draft.Framing == Framing.Own ? Framing.Own : Framing.Chunked;

    /// <summary>What a web server may refuse before anything else sees it.</summary>
    private static void OddHead(Draft draft)
    {
        draft.MayBeRefusedUnread = true;
        switch (draft.Random.Next(15))
        {
            case 0: draft.Version = Pick(draft, ["HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/11", "http/1.1", "", "HTTP"]); break;
            case 1: draft.Headers.RemoveAll(header => header.Name == "Host"); break;
            case 2: ReplaceHost(draft, Pick(draft, ["", "a b", "[::1", "evil.test:99999", "\u00e9", "a/b", "user@host", "a,b"])); break;
            case 3: draft.Headers.Add(("X-Long", new string('x', 60_000))); break;
            case 4: draft.Headers.AddRange(Enumerable.Range(0, 120).Select(number => ($"X-{number}", "x"))); break;
            case 5: draft.Headers.Add(("X Y", "x")); break;
            case 6: draft.Headers.Add(("", "x")); break;
            case 7: draft.Headers.Add(("X-Nul", "a\0b")); break;
            case 8: draft.Headers.Add(("X-Fold", "a\r\n b")); break;
            case 9: draft.Headers.Add(("X-Bare", "a\nX-Next: b")); break;
            case 10: draft.Headers.Add(("X-Return", "a\rb")); break;
            case 11: draft.Headers.Add(("\u00e9", "x")); break;
            case 12:
                draft.HasBadBody = true;
                draft.Headers.Insert(0, ("Transfer-Encoding", Pick(draft, ["gzip", "chunked", "identity", "chunked, chunked", "xchunked", ""])));
                draft.EndsInput |= !draft.HasBody;
                break;
            case 13:
                draft.HasBadBody = true;
                draft.Headers.Insert(0, ("Content-Length", Pick(draft, ["0", "-1", "1e3", "x", "5, 5", "+1", "99999999999999999999", ""])));
                draft.EndsInput |= !draft.HasBody;
                break;
            default: draft.Headers.Add(("Connection", Pick(draft, ["close", "x", "close, upgrade", ",", "Content-Length"]))); break;
        }
    }

    private static void ReplaceHost(Draft draft, string value)
    {
        draft.Headers.RemoveAll(header => header.Name == "Host");
        draft.Headers.Insert(0, ("Host", value));
    }

    private static void OddTarget(Draft draft)
    {
        draft.MayBeRefusedUnread = draft.IsElsewhere = draft.SharesState = true;
        draft.Path = Pick<Func<string, string>>(draft,
        [
            path => path + "/日本", path => path + "\u0001", path => path + " x", path => path + "\tx", _ => "*", path => "http://points.test" + path,
            path => "https://" + path, path => path.TrimStart('/'),
            path => path + "#x", path => path + "%", path => path + "%zz", path => path + "%C3%28", path => path + "/" + new string('a', 9_000), _ => "",
            path => path + "?" + new string('q', 9_000),
            path => "//points.test" + path, path => path + "\0", _ => "points.test:80", path => path + "/%uD800", path => path + "%0d%0aX:%20y",
        ])(draft.Path);
    }

    /// <summary>A body that is not framed as its headers say.</summary>
    private static void OddFraming(Draft draft)
    {
        static (string, byte[]) Head(string headers, ReadOnlySpan<byte> bytes) => (headers, bytes.ToArray());
        draft.HasBody = draft.HasBadBody = draft.MayBeRefusedUnread = true;
        draft.Framing = Framing.Own;
        var kind = draft.Random.Next(13);
        // The first ones are incomplete. One that keeps the connection open takes the server's patience of some seconds.
        draft.MayBeDropped |= kind < 4;
        draft.EndsInput |= kind < 4 && draft.Random.Next(25) > 0;
        draft.Frame = body => kind switch
        {
            0 => Head($"Content-Length: {body.Length + 10}\r\n", body),
            1 => Head("Transfer-Encoding: chunked\r\n", [.. Encoding.ASCII.GetBytes($"{body.Length + 5:x}\r\n"), .. body]),
            2 => Head("Transfer-Encoding: chunked\r\n", [.. Encoding.ASCII.GetBytes($"{body.Length:x}\r\n"), .. body, .. "\r\n"u8]),
            3 => Head($"Content-Length: {1 << 30}\r\n", body),
            4 => Head($"Content-Length: {body.Length / 2}\r\n", body),
            5 => Head("", body),
            6 => Head($"Content-Length: {body.Length}\r\nContent-Length: {body.Length}\r\n", body),
            7 => Head($"Content-Length: {body.Length}\r\nContent-Length: {body.Length + 1}\r\n", body),
            8 => Head(
                $"Content-Length: {body.Length}\r\nTransfer-Encoding: chunked\r\n",
                [.. Encoding.ASCII.GetBytes($"{body.Length:x};a=b\r\n"), .. body, .. "\r\n0\r\nX: y\r\n\r\n"u8]),
            9 => Head("Transfer-Encoding: chunked\r\n", [.. "zz\r\n"u8, .. body, .. "\r\n0\r\n\r\n"u8]),
            10 => Head("Transfer-Encoding: chunked\r\n", [.. "ffffffffffffffff\r\n"u8, .. body]),
            11 => Head("Transfer-Encoding: chunked\r\n", [.. Encoding.ASCII.GetBytes($"{body.Length:x}\r\n"), .. body, .. "0\r\n\r\n"u8]),
            _ => Head("Expect: 100-continue\r\nContent-Length: " + body.Length.ToString(CultureInfo.InvariantCulture) + "\r\n", body),
        };
    }
}
