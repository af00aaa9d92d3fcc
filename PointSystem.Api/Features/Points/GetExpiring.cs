using Npgsql;
using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Points;

/// <summary>GET /api/points/balance/{memberId}/expiring</summary>
internal static class GetExpiring
{
    /// <summary>Name of the parameter for the last date.</summary>
    public const string Until = "until";

    /// <summary>Days from today on that an answer covers, if the request names no date.</summary>
    public const int DaysDefault = 30;

    /// <summary>Days from today on that an answer covers at most.</summary>
    public const int DaysMax = 366;

    // Every part occurs twice because the draw order index has is_manual_grant before the date.
    private const string Text =
        """
        SELECT expiration_date, sum(available_amount)::bigint FROM (
            SELECT expiration_date, available_amount FROM point_accumulations
            WHERE member_id = $1 AND is_open AND is_manual_grant AND expiration_date BETWEEN $2 AND $3
            UNION ALL
            SELECT expiration_date, available_amount FROM point_accumulations
            WHERE member_id = $1 AND is_open AND NOT is_manual_grant AND expiration_date BETWEEN $2 AND $3
        ) AS a GROUP BY expiration_date ORDER BY expiration_date
        """;

    /// <summary>The points of a member that will expire if they are not used.</summary>
    /// <param name="MemberId">The member. An unknown member has none.</param>
    /// <param name="From">Today, the first date.</param>
    /// <param name="Until">The last date.</param>
    /// <param name="Total">Sum of the amounts.</param>
    /// <param name="Items">For each date on which points can be used for the last time, in order; dates without any are left out.</param>
    public sealed record Response(long MemberId, DateOnly From, DateOnly Until, long Total, IReadOnlyList<Item> Items);

    /// <summary>What expires at the end of a date.</summary>
    /// <param name="ExpirationDate">The last usable date.</param>
    /// <param name="Amount">The points that can be used until then.</param>
    public sealed record Item(DateOnly ExpirationDate, long Amount);

    public static async Task<IResult> HandleAsync(
        string memberId, HttpContext http, RulesProvider rules, ReadSource source)
    {
        if (!MemberIds.TryRead(memberId, "memberId", out var id, out var problem) || !QueryTexts.TryRead(http, Until, out var text, out problem))
        {
            return problem;
        }

        var today = (await rules.CurrentAsync(http.RequestAborted)).At.Today;
        var until = today.AddDays(DaysDefault);
        if (text is not null && (!PastMoment.TryReadDate(text, out until) || until < today || until > today.AddDays(DaysMax)))
        {
            return Problems.Invalid(
                Until, FormattableString.Invariant($"{Until} must be a date from {today:yyyy-MM-dd} (today) to {today.AddDays(DaysMax):yyyy-MM-dd}, such as 2026-03-01."));
        }

        var items = await source.Database.RunAsync(connection => ReadAsync(connection, id, today, until, http.RequestAborted), http.RequestAborted);
        return TypedResults.Ok(new Response(id, today, until, items.Sum(item => item.Amount), items));
    }

    private static async Task<List<Item>> ReadAsync(
        NpgsqlConnection connection, long memberId, DateOnly today, DateOnly until, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(Text, Columns.Value(memberId), Columns.Value(today), Columns.Value(until)));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var items = new List<Item>();
        while (await reader.ReadAsync(cancellationToken))
        {
            items.Add(new Item(reader.GetFieldValue<DateOnly>(0), reader.GetInt64(1)));
        }

        return items;
    }
}
