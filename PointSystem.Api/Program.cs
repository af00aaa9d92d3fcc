using PointSystem.Api.Configuration;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;

var builder = WebApplication.CreateBuilder(args);
builder.AddPersistence();
builder.AddPointHttp();
builder.AddPointRules();

var app = builder.Build();
if (args is [MigrateCommand.Verb, ..])
{
    return await MigrateCommand.RunAsync(app, CancellationToken.None);
}

app.UsePointHttp();
app.MapGet("/health/live", () => "ok");
await app.RunAsync();
return 0;
