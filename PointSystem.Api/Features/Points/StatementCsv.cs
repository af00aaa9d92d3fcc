using System.Globalization;
using System.Text;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Points;

/// <summary>
/// A statement as CSV (RFC 4180), sent while it is read: an opening balance, all entries, and a closing balance, without which it is not complete.
/// </summary>
/// <remarks>
/// Between two pages the stream has no database connection and no place among the reads, so a slow caller delays nobody.
/// </remarks>
internal sealed class StatementCsv(
    long memberId, DateOnly from, DateOnly to, StatementRange range, StatementPage first, ReadSource source, ReadLimit reads) : IResult
{
    /// <summary>The media type.</summary>
    public const string MediaType = "text/csv";

    private const string Header = "sequence,occurredAt,kind,pointKey,accumulationKey,orderNumber,amount,balanceAfter,reason\r\n";

    // As JSON has it.
    private const string InstantFormat = "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz";

    // Spreadsheets take a text that starts with one of these for a formula. The last ones are how Chinese, Japanese and Korean fonts write the first ones.
    private const string FormulaStarts = "=+-@\uff1d\uff0b\uff0d\uff20";

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var (response, cancellationToken) = (httpContext.Response, httpContext.RequestAborted);
        response.ContentType = $"{MediaType}; charset=utf-8; header=present";
        response.Headers.ContentDisposition =
            string.Create(CultureInfo.InvariantCulture, $"attachment; filename=\"statement-{memberId}-{from:yyyy-MM-dd}-{to:yyyy-MM-dd}.csv\"");
        var text = new StringBuilder(Header);
        AppendBalance(text, "OPENING_BALANCE", first.OpeningBalance);
        for (var page = first; ;)
        {
            foreach (var entry in page.Entries)
            {
                Append(text, entry);
            }

            var isLast = page.Entries.Count == 0 || page.Entries[^1].Sequence >= range.Last;
            if (isLast)
            {
                AppendBalance(text, "CLOSING_BALANCE", first.ClosingBalance);
            }

            Encoding.UTF8.GetBytes(text.ToString(), response.BodyWriter);
            text.Clear();

            // Waits while the caller's connection accepts no more.
            await response.BodyWriter.FlushAsync(cancellationToken);
            if (isLast)
            {
                return;
            }

            var after = page.Entries[^1].Sequence;
            page = await reads.WaitForAsync(
                httpContext,
                () => source.ReadOnAsync(
                    database => StatementQuery.ReadAsync(database, memberId, range, after, StatementQuery.PageMax, cancellationToken), cancellationToken));
        }
    }

    /// <summary>
    /// A field with any text: quoted, and after an apostrophe if a spreadsheet could take it for a formula, or if it starts with an apostrophe itself.
    /// </summary>
    internal static string Quote(string text)
    {
        var start = text.AsSpan().TrimStart();
        var isGuarded = start.Length > 0 && (start[0] == '\'' || FormulaStarts.Contains(start[0], StringComparison.Ordinal));
        return $"\"{(isGuarded ? "'" : "")}{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }

    private static void Append(StringBuilder text, StatementEntry entry) => text.Append(
        CultureInfo.InvariantCulture,
        $"{entry.Sequence},{entry.OccurredAt.ToString(InstantFormat, CultureInfo.InvariantCulture)},{entry.Kind},{entry.PointKey},{entry.AccumulationKey},")
        .Append(entry.OrderNumber is { } order ? Quote(order) : "")
        .Append(CultureInfo.InvariantCulture, $",{entry.Amount},{entry.BalanceAfter},")
        .Append(entry.Reason is { } reason ? Quote(reason) : "")
        .Append("\r\n");

    private static void AppendBalance(StringBuilder text, string kind, long balance) =>
        text.Append(CultureInfo.InvariantCulture, $",,{kind},,,,,{balance},\r\n");
}
