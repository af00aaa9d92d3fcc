using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Points;

/// <summary>GET /api/points/statements/{memberId}</summary>
internal static class GetStatement
{
    /// <summary>Name of the parameter for a month.</summary>
    public const string Month = "month";

    /// <summary>Name of the parameter for the first date.</summary>
    public const string From = "from";

    /// <summary>Name of the parameter for the last date.</summary>
    public const string To = "to";

    /// <summary>A page of the entries of a member in a period, between two balances.</summary>
    /// <param name="MemberId">The member. An unknown member has no entries.</param>
    /// <param name="From">The first business date.</param>
    /// <param name="To">The last business date.</param>
    /// <param name="OpeningBalance">The ledger balance before the first entry.</param>
    /// <param name="ClosingBalance">The ledger balance after the last entry: the opening balance plus the amounts of all entries.</param>
    /// <param name="EntriesTotal">Total number of entries.</param>
    /// <param name="Entries">The entries, oldest first.</param>
    /// <param name="NextCursor">The cursor of the next page; null on the last page.</param>
    public sealed record Response(
        long MemberId,
        DateOnly From,
        DateOnly To,
        long OpeningBalance,
        long ClosingBalance,
        long EntriesTotal,
        IReadOnlyList<StatementEntry> Entries,
        string? NextCursor);

    public static async Task<IResult> HandleAsync(
        string memberId,
        HttpContext http,
        RulesProvider rules,
        IOptions<BusinessOptions> business,
        ReadLimit reads,
        ReadSource source)
    {
        var isCsv = AcceptsCsv(http);
        http.Response.Headers.Vary = HeaderNames.Accept;
        if (!MemberIds.TryRead(memberId, "memberId", out var id, out var problem)
            || !TryReadPeriod(http, (await rules.CurrentAsync(http.RequestAborted)).At.Today, out var from, out var to, out problem)
            || (isCsv && !HasNoPage(http, out problem))
            || !Paging.TryReadSize(http, out var size, out problem, Paging.SizeMax)
            || !QueryTexts.TryRead(http, Paging.CursorParameter, out var cursor, out problem))
        {
            return problem;
        }

        // A page says to which entries the statement extends, so all pages are of one statement, while new entries arrive.
        var list = string.Create(CultureInfo.InvariantCulture, $"statement:{id}:{from:yyyy-MM-dd}:{to:yyyy-MM-dd}");
        Span<long> parts = stackalloc long[3];
        if (cursor is not null && !Cursor.TryRead(list, cursor, parts))
        {
            return Paging.InvalidCursor();
        }

        var (after, range) = (parts[0], new StatementRange(parts[1], parts[2]));
        StatementPage page;
        using (var read = await reads.TryEnterAsync(http, http.RequestAborted))
        {
            if (read is null)
            {
                return reads.Refuse(http);
            }

            if (cursor is null)
            {
                var zone = business.Value.Zone();
                range = await StatementQuery.FindAsync(source.Database, id, StartOf(from, zone), EndOf(to, zone), http.RequestAborted);
                after = range.Before;
            }

            page = await StatementQuery.ReadAsync(source.Database, id, range, after, isCsv ? StatementQuery.PageMax : size, http.RequestAborted);
        }

        if (isCsv)
        {
            return new StatementCsv(id, from, to, range, page, source, reads);
        }

        var last = page.Entries is [.., var final] ? final.Sequence : range.Last;
        return TypedResults.Ok(new Response(
            id, from, to, page.OpeningBalance, page.ClosingBalance, range.Last - range.Before, page.Entries,
            last < range.Last ? Cursor.Write(list, last, range.Before, range.Last) : null));
    }

    /// <summary>Reads the month or the dates; the current month if there are neither.</summary>
    private static bool TryReadPeriod(HttpContext http, DateOnly today, out DateOnly from, out DateOnly to, [NotNullWhen(false)] out IResult? problem)
    {
        from = new DateOnly(today.Year, today.Month, 1);
        to = LastOfMonth(from);
        if (!QueryTexts.TryRead(http, Month, out var month, out problem)
            || !QueryTexts.TryRead(http, From, out var first, out problem)
            || !QueryTexts.TryRead(http, To, out var last, out problem))
        {
            return false;
        }

        if (month is not null)
        {
            problem = first is not null || last is not null ? Problems.Invalid(Month, $"{Month} cannot be combined with {From} or {To}.")
                : !PastMoment.TryReadDate($"{month}-01", out from) ? Problems.Invalid(Month, $"{Month} must be a month such as 2026-03.")
                : null;
            to = LastOfMonth(from);
        }
        else if (first is not null || last is not null)
        {
            to = today;
            problem = first is null ? Problems.Invalid(From, $"{From} is required with {To}.")
                : !PastMoment.TryReadDate(first, out from) ? Problems.Invalid(From, $"{From} must be a date such as 2026-03-01.")
                : last is not null && !PastMoment.TryReadDate(last, out to) ? Problems.Invalid(To, $"{To} must be a date such as 2026-03-31.")
                : null;
        }

        var start = month is null ? From : Month;
        problem ??= from > today ? Problems.Invalid(start, FormattableString.Invariant($"{start} must not be in the future; today is {today:yyyy-MM-dd}."))
            : to < from ? Problems.Invalid(To, $"{To} must not be before {From}.")
            : null;
        return problem is null;
    }

    private static bool HasNoPage(HttpContext http, [NotNullWhen(false)] out IResult? problem)
    {
        var parameter = new[] { Paging.SizeParameter, Paging.CursorParameter }.FirstOrDefault(http.Request.Query.ContainsKey);
        problem = parameter is null ? null : Problems.Invalid(parameter, $"{parameter} is for JSON; as CSV, a statement has all its entries.");
        return problem is null;
    }

    /// <summary>Whether the caller prefers CSV. Without a preference the answer is JSON.</summary>
    private static bool AcceptsCsv(HttpContext http)
    {
        var accepted = http.Request.GetTypedHeaders().Accept;
        double Quality(string type) => accepted.Where(one => one.MediaType.Equals(type, StringComparison.OrdinalIgnoreCase))
            .Select(one => one.Quality ?? 1).DefaultIfEmpty(0).Max();
        return Quality(StatementCsv.MediaType) > Quality("application/json");
    }

    private static DateOnly LastOfMonth(DateOnly date) => new(date.Year, date.Month, DateTime.DaysInMonth(date.Year, date.Month));

    /// <summary>The last moment before a date.</summary>
    private static DateTimeOffset StartOf(DateOnly date, TimeZoneInfo zone) =>
        date == DateOnly.MinValue ? DateTimeOffset.MinValue : PastMoment.EndOf(date.AddDays(-1), zone).At;

    private static DateTimeOffset EndOf(DateOnly date, TimeZoneInfo zone) =>
        date == DateOnly.MaxValue ? DateTimeOffset.MaxValue : PastMoment.EndOf(date, zone).At;
}
