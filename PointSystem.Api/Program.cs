using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;

var builder = WebApplication.CreateBuilder(args);
builder.AddPersistence();
builder.AddPointHttp();
builder.AddPointRules();
builder.AddLedger();

var app = builder.Build();
if (args is [MigrateCommand.Verb, ..])
{
    return await MigrateCommand.RunAsync(app, CancellationToken.None);
}

app.UsePointHttp();
app.MapPoints();
app.MapGet("/health/live", () => "ok");
app.MapGet("/health/ready", () => "ok");
await app.RunAsync();
return 0;
