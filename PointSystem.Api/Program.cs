return await PointSystem.Api.Hosting.PointApplication.RunAsync(args);
