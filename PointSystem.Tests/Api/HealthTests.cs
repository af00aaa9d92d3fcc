using System.Net;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Api;

/// <summary>Each test needs an API process in a state of its own.</summary>
public sealed class HealthTests(PointsDatabase server)
{
    [Fact]
    public async Task Ready_DatabaseUnavailable_IsUnhealthyWhileLive()
    {
        await using var api = await ApiHost.StartAsync(ApiProcess.NoDatabase());
        using var client = new PointsClient(api.Address, Tokens.Admin);

        var ready = await client.GetAsync("/health/ready");
        var write = await client.AccumulateAsync(1, 5);
        var read = await client.GetAsync("/api/admin/points/config");

        (await client.GetAsync("/health/live")).Expect(HttpStatusCode.OK);
        Assert.Equal("Unhealthy", ready.Expect(HttpStatusCode.ServiceUnavailable).Json["checks"]!["database"]!["status"]!.GetValue<string>());
        Assert.Equal("2", write.IsProblem(HttpStatusCode.ServiceUnavailable, "DATABASE_UNAVAILABLE").Headers["Retry-After"]);
        read.IsProblem(HttpStatusCode.ServiceUnavailable, "DATABASE_UNAVAILABLE");
        Assert.DoesNotContain("Npgsql", write.Text + read.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ready_SchemaNotMigrated_IsUnhealthyUntilItIs()
    {
        var database = await ApiProcess.NewDatabaseAsync(await server.GetAsync(Token));
        await using var api = await ApiHost.StartAsync(database);
        using var client = new PointsClient(api.Address);

        var before = await client.GetAsync("/health/ready");
        var failed = await client.AccumulateAsync(1, 5);
        await ApiProcess.MigrateAsync(database, Token);
        var after = await client.GetAsync("/health/ready");

        Assert.Equal(
            "The database has no schema yet: run the migrations.",
            before.Expect(HttpStatusCode.ServiceUnavailable).Json["checks"]!["database"]!["description"]!.GetValue<string>());
        failed.IsProblem(HttpStatusCode.InternalServerError, "INTERNAL_ERROR");
        Assert.DoesNotContain("point_configs", failed.Text, StringComparison.Ordinal);
        Assert.Contains(failed.TextOf("traceId"), api.Output, StringComparison.Ordinal);
        after.Expect(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Production_ClockOffset_DoesNotExist()
    {
        var database = await server.CreateOwnedAsync(Token);
        await using (var direct = Npgsql.NpgsqlDataSource.Create(database))
        {
            // As if a copy of a test database had reached production.
            await direct.CreateCommand("INSERT INTO point_configs VALUES ('CLOCK_OFFSET_DAYS', '3000', NULL, now(), 'x')")
                .ExecuteNonQueryAsync(Token);
        }

        await using var api = await ApiHost.StartAsync(database, ("ASPNETCORE_ENVIRONMENT", "Production"));
        using var client = new PointsClient(api.Address, Tokens.Admin);
        var lot = (await client.AccumulateAsync(1, 5, expirationDays: 1)).Expect(HttpStatusCode.Created);

        (await client.GetAsync("/api/admin/points/config/CLOCK_OFFSET_DAYS")).IsProblem(HttpStatusCode.NotFound, "CONFIG_NOT_FOUND");
        (await client.PutAsync("/api/admin/points/config/CLOCK_OFFSET_DAYS", new { configValue = 1 })).IsProblem(HttpStatusCode.NotFound, "CONFIG_NOT_FOUND");
        Assert.Equal(12, (await client.GetAsync("/api/admin/points/config")).Json["items"]!.AsArray().Count);
        var expires = DateOnly.ParseExact(lot.TextOf("expirationDate"), "yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(expires < DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().AddDays(10).DateTime));
    }
}
