using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;

namespace PointSystem.Tests.Features;

/// <summary>Versions of members on a clock that the test moves.</summary>
public sealed class MemberVersionsTests(PointsDatabase server)
{
    [Fact]
    public async Task Read_OfAVersionThatIsWrittenMeanwhile_WaitsForItAndHoldsNoPlaceAmongTheReads()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, seed: 1);
        var member = PointsClient.NewMember();
        await using var reads = OneAtATime();
        var read = ReadAsync(Versions(database, client, reads), member, DateDependence.None, ("X-Min-Version", "1"));

        using (var other = await reads.TryEnterAsync(new DefaultHttpContext(), Token))
        {
            Assert.NotNull(other);
        }

        Assert.False(read.IsCompleted);
        await client.AccumulateAsync(member, 5);
        await MoveUntilAsync(client, read);
        Assert.Equal((200, "W/\"1\""), await read);

        var never = ReadAsync(Versions(database, client, reads), member, DateDependence.None, ("X-Min-Version", "2"));
        var began = client.Clock.GetUtcNow();
        await MoveUntilAsync(client, never);
        Assert.Equal((412, ""), await never);
        Assert.True(client.Clock.GetUtcNow() - began >= MemberVersions.WaitMax);
    }

    [Fact]
    public async Task Tag_OfAnAnswerThatDependsOnTheDate_ChangesWithIt()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, seed: 1);
        var member = PointsClient.NewMember();
        await using var reads = OneAtATime();
        await client.AccumulateAsync(member, 5, days: 2);
        async Task<string> TagsAsync()
        {
            var tags = new List<string>();
            foreach (var date in Enum.GetValues<DateDependence>())
            {
                tags.Add((await ReadAsync(Versions(database, client, reads), member, date)).Tag);
            }

            return string.Join(' ', tags);
        }

        Assert.Equal("W/\"1\" W/\"1\" W/\"1-20260301\"", await TagsAsync());
        client.Clock.Advance(TimeSpan.FromDays(2));
        Assert.Equal("W/\"1\" W/\"1\" W/\"1-20260303\"", await TagsAsync());
        client.Clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal("W/\"1\" W/\"1-20260304\" W/\"1-20260304\"", await TagsAsync());
        Assert.Equal(200, (await ReadAsync(Versions(database, client, reads), member, DateDependence.Expirations, ("If-None-Match", "W/\"1\""))).Status);

        // The next write posts the expiration.
        await client.AccumulateAsync(member, 5, days: 2);
        Assert.Equal("W/\"3\" W/\"3\" W/\"3-20260304\"", await TagsAsync());
        Assert.Equal(304, (await ReadAsync(Versions(database, client, reads), member, DateDependence.Expirations, ("If-None-Match", "W/\"3\""))).Status);
    }

    private static Task MoveUntilAsync(LedgerClient client, Task read) => Eventually.HoldsAsync(
        () =>
        {
            client.Clock.Advance(TimeSpan.FromMilliseconds(1));
            return read.IsCompleted;
        },
        "the read ends");

    private static readonly ServiceProvider Meters = new ServiceCollection().AddMetrics().BuildServiceProvider();

    private static ReadLimit OneAtATime() => new(new DatabasePools(1, 1, 1), Options.Create(new ReadOptions()), NullLogger<ReadLimit>.Instance);

    private static MemberVersions Versions(NpgsqlDataSource database, LedgerClient client, ReadLimit reads) => new(
        database,
        new Standby(null, client.Clock),
        reads,
        new RulesProvider(
            database, client.Clock, Options.Create(new BusinessOptions()), new HostingEnvironment { EnvironmentName = "Test" },
            NullLogger<RulesProvider>.Instance),
        new ReadMetrics(Meters.GetRequiredService<IMeterFactory>()),
        client.Clock);

    /// <summary>A read of which only the version is of interest.</summary>
    private static async Task<(int Status, string Tag)> ReadAsync(
        MemberVersions versions, long member, DateDependence date, params (string Name, string Value)[] headers)
    {
        var http = new DefaultHttpContext();
        http.Request.RouteValues["memberId"] = $"{member}";
        foreach (var (name, value) in headers)
        {
            http.Request.Headers[name] = value;
        }

        var result = await versions.InvokeAsync(
            EndpointFilterInvocationContext.Create(http), _ => ValueTask.FromResult<object?>(TypedResults.Ok()), date, tagsItself: false);
        return (Assert.IsAssignableFrom<IStatusCodeHttpResult>(result).StatusCode!.Value, http.Response.Headers.ETag.ToString());
    }
}
