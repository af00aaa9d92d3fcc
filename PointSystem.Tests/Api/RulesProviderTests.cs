using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using PointSystem.Api.Configuration;

namespace PointSystem.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class RulesProviderTests(ApiFixture api) : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 22, 14, 59, 59, TimeSpan.Zero));
    private NpgsqlDataSource _database = null!;

    public async ValueTask InitializeAsync()
    {
        _database = NpgsqlDataSource.Create(api.ConnectionString);
        await StoreAsync(10_000_000);
    }

    public async ValueTask DisposeAsync()
    {
        await StoreAsync(10_000_000);
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task Current_BeforeTheRefreshAge_IsFromMemory()
    {
        var rules = Provider("Production");
        await rules.CurrentAsync(Token);
        await StoreAsync(500);
        _time.Advance(RulesProvider.RefreshAge - TimeSpan.FromMilliseconds(1));

        Assert.Equal(10_000_000, (await rules.CurrentAsync(Token)).Policy.MaxBalancePerMember);
    }

    [Fact]
    public async Task Current_AtTheRefreshAge_IsRefreshedInTheBackground()
    {
        var rules = Provider("Production");
        await rules.CurrentAsync(Token);
        await StoreAsync(500);
        _time.Advance(RulesProvider.RefreshAge);

        // The clock does not move, so only the background refresh can have read the new value.
        await Eventually.HoldsAsync(
            async () => (await rules.CurrentAsync(Token)).Policy.MaxBalancePerMember == 500,
            "the rules are refreshed");
    }

    [Fact]
    public async Task Current_TooOld_IsReadAgain()
    {
        var rules = Provider("Production");
        await rules.CurrentAsync(Token);
        await StoreAsync(500);
        _time.Advance(RulesProvider.UsableAge);

        Assert.Equal(500, (await rules.CurrentAsync(Token)).Policy.MaxBalancePerMember);
    }

    [Fact]
    public async Task Current_AfterInvalidate_IsReadAgain()
    {
        var rules = Provider("Production");
        await rules.CurrentAsync(Token);
        await StoreAsync(500);
        rules.Invalidate();

        Assert.Equal(500, (await rules.CurrentAsync(Token)).Policy.MaxBalancePerMember);
    }

    [Fact]
    public async Task Current_DatabaseUnavailable_ServesRecentRulesAndFailsForOldOnes()
    {
        await using var own = NpgsqlDataSource.Create(api.ConnectionString);
        var rules = Provider("Production", own);
        await rules.CurrentAsync(Token);
        await own.DisposeAsync();
        _time.Advance(RulesProvider.UsableAge - TimeSpan.FromMilliseconds(1));

        Assert.Equal(10_000_000, (await rules.CurrentAsync(Token)).Policy.MaxBalancePerMember);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await rules.CurrentAsync(Token));
    }

    [Fact]
    public async Task At_MidnightPasses_ChangesTheDateInTheBusinessZone()
    {
        var rules = Provider("Production");

        var before = (await rules.CurrentAsync(Token)).At;
        _time.Advance(TimeSpan.FromSeconds(1));
        var after = (await rules.CurrentAsync(Token)).At;

        Assert.Equal(new DateOnly(2026, 11, 22), before.Today);
        Assert.Equal(new DateOnly(2026, 11, 23), after.Today);
    }

    private RulesProvider Provider(string environment, NpgsqlDataSource? database = null) => new(
        database ?? _database, _time, Options.Create(new BusinessOptions()), new NamedEnvironment(environment), NullLogger<RulesProvider>.Instance);

    private async Task StoreAsync(long maxBalance)
    {
        await using var command = _database.CreateCommand(
            $"UPDATE point_configs SET config_value = '{maxBalance}' WHERE config_key = 'MAX_BALANCE_PER_MEMBER'");
        Assert.Equal(1, await command.ExecuteNonQueryAsync(Token));
    }

    private sealed class NamedEnvironment(string name) : IHostEnvironment
    {
        public string EnvironmentName { get; set; } = name;

        public string ApplicationName { get; set; } = "tests";

        public string ContentRootPath { get; set; } = "";

        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();
    }
}
