using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Config;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Features.Reconciliation;
using PointSystem.Api.Health;
using PointSystem.Api.Http;
using PointSystem.Api.Jobs;
using PointSystem.Api.Ledger;
using PointSystem.Api.OpenApi;
using PointSystem.Api.Persistence;
using PointSystem.Api.Security;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddPersistence();
builder.AddPointSecurity();
builder.AddPointHttp();
builder.AddPointRules();
builder.AddLedger();
builder.AddPointHealth();
builder.AddPointOpenApi();
builder.AddPointJobs();
builder.AddReconciliation();

var app = builder.Build();
if (args is [MigrateCommand.Verb, ..])
{
    return await MigrateCommand.RunAsync(app, CancellationToken.None);
}

app.UsePointHttp();
app.UseAuthentication();
app.UseAuthorization();

app.MapDefaultEndpoints();
app.MapPoints();
app.MapConfig();
app.MapPointOpenApi();
app.MapReconciliation();
await app.RunAsync();
return 0;
